"""The errors that stance raises on purpose.

StanceError
├── InputError            a value given to stance is not usable (also a ValueError)
│   ├── ReadError         a file or page cannot be read as what it should be
│   ├── TableError        a table lacks a column, or a column holds what it must not
│   └── CodebookError     a codebook is not valid; says the file and the line
├── ModelError            a model cannot be loaded, or is no NLI model
├── NetworkError          a page could not be fetched
├── WriteError            a result cannot be written: a full disk, no permission
└── MissingExtraError     an optional dependency is not installed (also an ImportError)

Every message names the value, what is wrong with it, and what to do.
"""


class StanceError(Exception):
    """Base of all errors raised by stance on purpose; the command line prints it in one line."""


class InputError(StanceError, ValueError):
    """A value given to stance is not usable."""


class ReadError(InputError):
    """A file or page cannot be read as what it should be."""


class TableError(InputError):
    """A table lacks a column, or a column holds what it must not."""


class CodebookError(InputError):
    """A codebook is not valid."""


class ModelError(StanceError):
    """A model cannot be loaded, or is not a natural-language-inference model."""


class NetworkError(StanceError):
    """A page could not be fetched."""


class WriteError(StanceError):
    """A result cannot be written."""


class MissingExtraError(StanceError, ImportError):
    """An optional dependency is not installed."""
