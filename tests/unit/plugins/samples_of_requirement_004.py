"""The two sample classes of requirement 004, as a user would have written them after that document.

They are here in that document's own form (broad `except`, results as dicts), because the promise is that such classes
work unchanged.
"""

# ruff: noqa: BLE001 - see above: this is how the requirement's users write
from typing import Any

from httpx import AsyncClient


class CustomIntegrator:
    """Custom integration testing."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client

    async def test_custom_integration(self) -> dict[str, Any]:
        """Test custom integration."""
        results: dict[str, Any] = {"custom_test": {}, "passed": True}
        try:
            response = await self.client.get("/custom/endpoint")
            if response.status_code == 200:
                results["custom_test"] = {
                    "passed": True,
                    "duration": response.elapsed.total_seconds(),
                    "status_code": response.status_code,
                }
            else:
                results["custom_test"] = {"passed": False, "error": f"Unexpected status code: {response.status_code}"}
                results["passed"] = False
        except Exception as e:
            results["custom_test"] = {"passed": False, "error": str(e)}
            results["passed"] = False
        return results


class CustomValidator:
    """Custom validation framework."""

    def __init__(self) -> None:
        self.validation_rules: list[Any] = []

    async def validate_custom_requirements(self) -> dict[str, Any]:
        """Validate custom requirements."""
        validation_results: dict[str, Any] = {"custom_validation": {}, "passed": True}
        try:
            validation_results["custom_validation"] = {"passed": True, "score": 0.95, "confidence": 0.98}
        except Exception as e:
            validation_results["custom_validation"] = {"passed": False, "error": str(e)}
            validation_results["passed"] = False
        return validation_results
