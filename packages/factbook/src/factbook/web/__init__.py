"""The pages at ``/ui``: what the API answers, to look at. Rendered here, without a line of script that a page could not do without."""
