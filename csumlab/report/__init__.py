"""How results are shown: text, HTML, JSON, CSV, DataFrames. Knows no checksum rule; says what others decided."""
