"""What cases of the classes fault and disrupt are handed: a hook around whatever else they do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

from hybridcheck.errors import HybridcheckError
from hybridcheck.evidence import GapReason
from hybridcheck.profile.hooks import Hook
from hybridcheck.transport.hook_steps import StepResult
from hybridcheck.transport.journal import HookEntry
from hybridcheck.transport.read_view import HookMeans
from hybridcheck.transport.uninterrupted import whatever_comes
from hybridcheck.transport.views import WriteView


class FaultView(WriteView):
    """Also applies hooks of the class fault (`target.FaultTarget`)."""

    permitted: ClassVar[frozenset[str]] = frozenset({"fault"})

    @asynccontextmanager
    async def disturbed(self, label: str, hook: str) -> AsyncIterator[None]:
        """Apply a hook, prove that it works, and take it back and prove that too, whatever happens within."""
        means, spec = self._hook_means(label, hook), self._means.profile.hooks[hook]
        entry = means.journal.intend(
            run_id=self._means.run_id, base_url=self._means.base_url, case=self._stream, hook=hook
        )
        self._means.ledger.sync()
        try:
            await self._apply(label, hook, spec, means)
            means.journal.stage(entry, "applied")
            yield
        finally:
            await whatever_comes(self._revert(label, hook, spec, means, entry))

    async def _apply(self, label: str, hook: str, spec: Hook, means: HookMeans) -> None:
        applied = await whatever_comes(means.runner.run(spec, spec.apply))
        self.observe(f"{label}.apply", applied.values(hook))
        active = await means.runner.until_done(spec, spec.verify_active) if applied.done else applied
        self.observe(f"{label}.active", active.values(hook))
        if not active.done:
            raise self.lost(GapReason.FAULT_NOT_DELIVERED, f"hook {hook}: {active.detail}")

    async def _revert(self, label: str, hook: str, spec: Hook, means: HookMeans, entry: HookEntry) -> None:
        clean = await means.runner.reverted(spec)
        with suppress(HybridcheckError):  # an unwritable disk is told elsewhere; the fault itself is gone
            means.journal.stage(entry, "clean" if clean.done else "left")
            self.observe(f"{label}.clean", clean.values(hook))
            if not clean.done:
                self._left(hook, means, clean)

    def _left(self, hook: str, means: HookMeans, clean: StepResult) -> None:
        means.left.append(hook)
        detail = f"hook {hook} could not be reverted ({clean.detail}); `hybridcheck cleanup` tries it again"
        self.lost(GapReason.FAULT_NOT_REVERTED, detail)

    def _hook_means(self, label: str, hook: str) -> HookMeans:
        """What applies hooks; a gap where this one may not be applied now."""
        means, spec = self._means.hooks, self._means.profile.hooks.get(hook)
        if spec is None:
            raise self._refused(label, f"hooks.{hook} is not declared")
        if means is None:
            raise self.lost(GapReason.TOOL_FAULT, "there is no journal to write down what is applied")
        if spec.kind not in self.permitted:
            raise self._refused(label, f"hooks.{hook} is of the class {spec.kind}")
        if means.left:
            raise self.lost(GapReason.FAULT_NOT_DELIVERED, f"hook {means.left[0]} of an earlier case is still applied")
        return means


class DisruptView(FaultView):
    """Also applies hooks of the class disrupt (`target.DisruptTarget`)."""

    permitted: ClassVar[frozenset[str]] = frozenset({"fault", "disrupt"})
