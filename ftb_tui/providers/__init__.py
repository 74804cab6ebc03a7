"""Who trains and answers: one protocol, several services. Knows no store and no screen."""
