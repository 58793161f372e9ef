"""The native service: started by the launcher, with its settings in the environment and its socket inherited."""

from hybridcheck.reference.parent_watch import watch_parent

watch_parent()  # before the heavier imports: a parent that dies now must not leave a service behind

from hybridcheck.reference.native.host import NativeHost  # noqa: E402
from hybridcheck.reference.serving import child_settings, serve  # noqa: E402

host = NativeHost(child_settings())
serve(host, runtime=host.runtime)
