"""Systems that no adapter of the run is in: what a user could do instead."""
