/* What both pages have: elements by id, a line that says how things are, lists, files to save. */

export const $ = (id) => document.getElementById(id);

/** Say how things are, in the page's one line for that. */
export function say(text, isFault = false) {
  $("status").textContent = text;
  $("status").classList.toggle("fault", isFault);
}

/** Fill a list <dl> with names and texts, in place of what it held. */
export function fill(list, entries) {
  list.replaceChildren(...Object.entries(entries).map(([name, text]) => {
    const entry = document.createElement("div");
    entry.append(Object.assign(document.createElement("dt"), {textContent: name}));
    entry.append(Object.assign(document.createElement("dd"), {textContent: text}));
    return entry;
  }));
}

/** Let the visitor save a text as a file. */
export function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
