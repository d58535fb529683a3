"""The API as a whole: its doors, its errors, its documents."""

from typing import Any

from django.http import Http404
from django.urls import URLPattern, URLResolver, path
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from social.api import dashboard, posts, problems
from social.api.auth import Session, Token
from social.api.body import Parser

DESCRIPTION = """\
Programs and staff propose and read posts. **Nothing here approves:** that is done by a person, in the admin.

Errors are RFC 9457 problem documents. Their `type` is stable, and leads to what it means.
A write that carries an `Idempotency-Key` may be sent again: it is done once, and answered alike.
"""


class HotDashAPI(NinjaAPI):
    """Ninja's, with the names and media types that its documents promise."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        batch = schema["components"]["schemas"]["BatchIn"]["properties"]["posts"]
        batch["items"] = {"$ref": "#/components/schemas/PostIn"}
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in response.get("content", {}):
                        response["content"][problems.MEDIA_TYPE] = response["content"].pop("application/json")
        return schema


api = HotDashAPI(
    title="HotDash",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    auth=[Token(), Session()],  # of a call that names no door: nobody has the scope ""
    parser=Parser(),
)
api.add_router("", posts.router)
api.add_router("", dashboard.router)
for raised in (Exception, Http404, HttpError, ValidationError):
    api.add_exception_handler(raised, problems.on_exception)

urlpatterns: list[URLPattern | URLResolver] = [
    path("docs/problems/<slug:name>", problems.page, name="problem"),
    path("", api.urls),
]
