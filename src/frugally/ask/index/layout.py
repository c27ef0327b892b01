"""The constants of the layout on disk (docs/format.md).

Compiled code has them built in: whoever changes one raises the number of the format and clears the
caches of the kernels.
"""

import numpy as np

BLOCK = 128  # postings that are packed together
TERM_BLOCK = 256  # terms of the directory that are packed together
PADDING = 8  # zero bytes after packed bytes, so that eight can always be loaded
GROUP_BITS = 13  # of a passage's number in its group; not on disk, only while a segment is made
TF_BITS = np.array([0, 1, 2, 3, 5, 8, 16, 32], np.int64)  # what three bits of a header can say
