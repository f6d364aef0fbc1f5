"""Parts of a report: one a file, artifacts in, a section out; nothing where there is nothing to say."""
