"""The admitted start: what admission gave to it, for the classes that carry it out."""

from traitlets import HasTraits

from jupyterhub_platform.hub.denials import not_admitted
from jupyterhub_platform.usecases.admission import Admitted


class AdmittedMixin(HasTraits):
    """Knows what the running start was given.

    ``admitted`` is ``None`` between starts, and after a restart of the Hub.
    """

    admitted: Admitted | None = None

    def get_admitted(self) -> Admitted:
        """Return what the running start was given.

        Raises
        ------
        AdmissionDenied
            Raised if it was not admitted.
        """
        if self.admitted is None:
            raise not_admitted()
        return self.admitted
