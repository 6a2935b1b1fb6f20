"""What can be wrong. Every message names the file, tensor, text, column or adapter, and says what to do."""


class Error(Exception):
    """All of wgbert's exceptions."""

    # Where users see them.
    def __init_subclass__(cls) -> None:
        cls.__module__ = "wgbert"


Error.__module__ = "wgbert"


class ArgumentError(Error, ValueError):
    """An argument is not understood, or does not fit another."""


class FileError(Error, OSError):
    """A file cannot be read, or a model's folder lacks one."""


class HubError(Error, OSError):
    """A model can neither be fetched from the Hugging Face hub nor be found in its cache."""


class ModelError(Error, ValueError):
    """A model's files say something that cannot be used, or that is not computed here."""


class TaskError(Error, ValueError):
    """A call is for models of another task."""


class DataError(Error, ValueError):
    """A column or a table is absent, is none of texts, or cannot be read."""


class TextError(Error, ValueError):
    """One text cannot be classified, where a call answers all or none.

    `index` is its position in the call, from 0.
    """

    index: int


class AdapterError(Error, RuntimeError):
    """There is no such adapter, or it cannot run the model."""


class WrongAnswersError(AdapterError):
    """The adapter computes something else than the kernels say. None of its answers is given."""


class OutOfMemoryError(AdapterError, MemoryError):
    """The adapter's memory is exhausted."""


class DeviceLostError(AdapterError):
    """The adapter went away. What was answered before is valid, and the next call opens it anew."""
