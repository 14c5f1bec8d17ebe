"""The pages of the reference, each rendered from the code that it is about."""
