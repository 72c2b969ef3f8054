"""Labs and racks as files: what `lab.toml` may say, and what it says."""
