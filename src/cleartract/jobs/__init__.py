"""Many pieces of work, done by one process, several, or a cluster."""
