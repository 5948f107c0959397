"""What a user sees, shown with real processes in PID namespaces."""
