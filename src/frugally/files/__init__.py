"""Files that are whole or not there: atomic writes, checksums, the writer lock, tensor files."""
