"""From store rows to text: tables, exports, and what the figures say. Plain functions."""
