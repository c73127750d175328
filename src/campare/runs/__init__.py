"""The run directory: the files of a study or an audit, and the table in them."""
