"""What is kept: one SQLite file, numbered migrations, one module of queries a table family."""
