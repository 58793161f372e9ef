"""The native service: started by the launcher, with its settings in the environment and its socket inherited."""

from hybridcheck.reference.parent_watch import watch_parent

watch_parent()  # before the heavier imports: a parent that dies now must not leave a service behind

from functools import partial  # noqa: E402

from hybridcheck.reference.defects import Switches  # noqa: E402
from hybridcheck.reference.native.host import NativeHost  # noqa: E402
from hybridcheck.reference.native.naive_host import in_front_of  # noqa: E402
from hybridcheck.reference.serving import child_settings, serve  # noqa: E402

settings = child_settings()
host = NativeHost(settings)
serve(host, partial(in_front_of, defects=Switches(settings.defects)), runtime=host.runtime)
