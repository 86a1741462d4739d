"""Lineage: what is made from what, column by column, who said so, how sure it is, and what it was at any moment.

This module imports nothing: the process that reads SQL loads :mod:`factbook.lineage.sql` alone.
"""
