"""Where data comes from: the tables and columns that views, statements and other tools make others from."""
