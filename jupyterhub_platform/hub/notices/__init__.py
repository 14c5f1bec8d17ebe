"""Notices leave the Hub: by webhook and by e-mail, beside its loop, until they have arrived."""
