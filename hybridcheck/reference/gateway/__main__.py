"""A gateway worker: started by the launcher, with its settings in the environment and its socket inherited."""

from hybridcheck.reference.parent_watch import watch_parent

watch_parent()  # before the heavier imports: a parent that dies now must not leave a worker behind

from hybridcheck.reference.gateway.application import Gateway  # noqa: E402
from hybridcheck.reference.serving import child_settings, serve  # noqa: E402

serve(Gateway(child_settings()))
