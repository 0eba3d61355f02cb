"""Self-contained HTML pages: what a run found (`report`), and how runs compare (`runs`)."""
