"""Facts in files: a folder or a bucket with a log of JSON lines, a file per record, and a catalogue of what is known."""
