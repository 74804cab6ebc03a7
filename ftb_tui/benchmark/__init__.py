"""What is measured: families, tasks, questions, graders and statistics. Knows no service, store or screen."""
