"""Reports: rows, table and Markdown from a result file, and from nothing else."""
