"""fbnet-pfld: from face images to the fastest accurate landmark model for your device."""

__version__ = "0.2.0"
