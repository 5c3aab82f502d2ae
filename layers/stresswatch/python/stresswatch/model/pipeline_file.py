"""A fitted scikit-learn pipeline as a file: written and read by skops, with trusted types only.

A skops file is data with type names, and reading one builds objects of these types. skops trusts
scikit-learn's public estimators and numpy's numbers; other types must be in `TRUSTED_TYPES`. A
pickle could run arbitrary code.

Only functions with scikit-learn import this module.
https://skops.readthedocs.io/en/stable/persistence.html
"""

from __future__ import annotations

import io
import warnings
import zipfile
from typing import Any

import skops.io
from sklearn.exceptions import InconsistentVersionWarning

from stresswatch.errors import InvalidInput
from stresswatch.model.artefact_file import CorruptArtefact
from stresswatch.model.scorer import MAXIMUM_PIPELINE_BYTES

_MAXIMUM_UNPACKED_BYTES = 4 * MAXIMUM_PIPELINE_BYTES
TRUSTED_TYPES = frozenset(
    {
        # Parts of scikit-learn's own estimators, and their default functions.
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.feature_selection._mutual_info.mutual_info_classif",
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "functools.partial",
        "numpy.clip",
        "numpy.dtype",
        # This project's types.
        "stresswatch.text.normalisation.normalise",
        "training_jobs.model.features.LexiconShares",
        "training_jobs.model.features.TextImputer",
        "training_jobs.model.sentence_embeddings.SentenceEmbeddings",
    }
)
"""Types that may be loaded beyond those that skops itself trusts."""


class UntrustedType(InvalidInput):
    """The pipeline contains a type that is not in `TRUSTED_TYPES`; the message names it."""


def write(pipeline: Any) -> bytes:
    """Return a pipeline's file.

    Raises
    ------
    UntrustedType
        When `read` would reject it.
    """
    data: bytes = skops.io.dumps(pipeline, compression=zipfile.ZIP_DEFLATED)
    requested_types(data)
    return data


def requested_types(data: bytes) -> tuple[str, ...]:
    """Return the types in the file that are in `TRUSTED_TYPES`, in alphabetical order.

    Raises
    ------
    UntrustedType
        When it contains other types.
    """
    requested: list[str] = skops.io.get_untrusted_types(data=data)
    if unknown := sorted(set(requested) - TRUSTED_TYPES):
        raise UntrustedType(
            f"the pipeline is made of {', '.join(unknown)}, which is not trusted; use other steps, "
            "or add it to TRUSTED_TYPES in stresswatch/model/pipeline_file.py once you have read it"
        )
    return tuple(sorted(requested))


def read(data: bytes) -> Any:
    """Read a pipeline.

    Raises
    ------
    CorruptArtefact
        When the bytes are not a skops file, contain an untrusted type, unpack to too much, or
        come from another version of scikit-learn.
    """
    try:
        _require_size(data)
        trusted = requested_types(data)
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            return skops.io.loads(data, trusted=list(trusted))
    except CorruptArtefact:
        raise
    except UntrustedType as error:
        raise CorruptArtefact(str(error)) from error
    except InconsistentVersionWarning as error:
        raise CorruptArtefact(
            f"the pipeline was trained with scikit-learn {error.original_sklearn_version}, and "
            f"{error.current_sklearn_version} is installed: train again"
        ) from error
    except Exception as error:  # zipfile and skops raise what hostile bytes lead them to
        raise CorruptArtefact(f"the pipeline cannot be read: {error}") from error


def _require_size(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > _MAXIMUM_UNPACKED_BYTES:
        raise CorruptArtefact(f"the pipeline unpacks to over {_MAXIMUM_UNPACKED_BYTES:,} bytes")
