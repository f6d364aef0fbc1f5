"""Words that records and options share; options are read before pydantic is."""

from __future__ import annotations

from typing import Literal

Screen = Literal["spike", "gradient"]
Protocol = Literal["paragraphs", "windows"]
