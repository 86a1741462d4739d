"""Write the dictionary, facts and diffs in the formats of others. Formats are plug-ins."""
