"""The app: screens that read the store and start work in the background."""
