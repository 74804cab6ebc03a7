"""What runs: jobs, evaluations, and the whole benchmark. Knows no screen."""
