"""What is loaded only when a run asks for it. A feature imports core, never another feature."""
