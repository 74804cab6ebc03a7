"""The headless twin: every screen's job as a command."""
