"""Each table once, as data; terminal, page, Markdown, CSV and data frame are renderings of it."""
