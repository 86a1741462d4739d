"""Kinds: what facts there are, each with its versioned JSON Schemas."""
