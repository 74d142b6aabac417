"""What maps mean, one file a task."""
