"""Defects in what every API has: health, contract, authentication, authorization, headers, exposure."""

from hybridcheck.reference.defect import Defect

AT_THE_SURFACE: tuple[Defect, ...] = (
    # health
    Defect(
        "ready-wears-off",
        "readiness answers 503 for ever once 3,600 requests were answered",
        "health.ready-to-the-end",
        "gateway/operations.py",
    ),
    Defect("never-ready", "readiness answers 503 for ever", "health.ready", "gateway/operations.py"),
    Defect(
        "health-body-down",
        "readiness answers 200 and says in its body that the service is down",
        "health.body-agrees",
        "gateway/operations.py",
    ),
    Defect(
        "readiness-lies",
        "readiness answers 200 while every dataset request is refused with 503",
        "health.readiness-true",
        "gateway/operations.py, gateway/datasets.py",
    ),
    # contract
    Defect(
        "wrong-schema",
        "GET /api/datasets answers `total` as text, against its schema",
        "contract.answers-as-declared",
        "gateway/datasets.py",
    ),
    Defect(
        "server-error",
        "a valid GET /dashboards/{id} answers 500",
        "contract.answers-as-declared",
        "gateway/dashboards.py",
    ),
    Defect(
        "wrong-status",
        "GET /dashboards answers 202 where 200 is declared",
        "contract.answers-as-declared",
        "gateway/dashboards.py",
    ),
    Defect(
        "wrong-content-type",
        "GET /dashboards labels its JSON as text/html",
        "contract.answers-as-declared",
        "gateway/dashboards.py",
    ),
    Defect(
        "openapi-mismatch",
        "`revision` of a dataset is text, the OpenAPI document says integer",
        "contract.writes-match-openapi",
        "gateway/datasets.py",
    ),
    Defect(
        "openapi-stale",
        "GET /admin/users leaves out the tenant that the OpenAPI document requires",
        "contract.matches-openapi",
        "gateway/people.py",
    ),
    Defect(
        "malformed-json-500",
        "a malformed JSON body gets 500 instead of 400",
        "contract.malformed-json-refused",
        "web.py",
    ),
    Defect(
        "wrong-method-200",
        "a method that a path does not have is answered like GET instead of 405",
        "contract.unknown-method-refused",
        "dispatch.py",
    ),
    Defect(
        "wrong-media-type-accepted",
        "a JSON body labelled text/plain is taken instead of refused with 415",
        "contract.wrong-media-type-refused",
        "web.py",
    ),
    Defect(
        "error-format-html",
        "errors other than 422 are HTML pages instead of problem+json",
        "contract.error-format",
        "dispatch.py",
    ),
    Defect(
        "upload-limit-missing",
        "a body over the declared limit is read instead of refused with 413",
        "contract.body-limit",
        "web.py",
    ),
    Defect(
        "write-not-stored",
        "PUT of a dataset answers the new content and stores nothing",
        "contract.writes-answer-as-declared",
        "gateway/datasets.py",
    ),
    Defect("nan-in-health", "/health answers the bare token NaN", "contract.no-nan", "gateway/operations.py"),
    Defect("invalid-utf8", "/health answers a byte that is no UTF-8", "contract.valid-utf8", "gateway/operations.py"),
    Defect(
        "mislabelled-json",
        "/health labels its JSON as text/html",
        "contract.content-type-true",
        "gateway/operations.py",
    ),
    Defect(
        "graphql-wrong-type",
        "GraphQL answers `size` and `datasetCount`, declared Int, as text",
        "graphql.types",
        "gateway/graph.py",
    ),
    # authentication
    Defect(
        "no-auth",
        "GET /api/datasets answers without credentials",
        "authn.missing-credentials-refused",
        "gateway/authentication.py",
    ),
    Defect(
        "garbage-token-accepted",
        "any text is taken for a valid token",
        "authn.garbage-credentials-refused",
        "gateway/authentication.py",
    ),
    Defect(
        "wrong-password-accepted",
        "login succeeds with a wrong password",
        "authn.wrong-password-refused",
        "gateway/authentication.py",
    ),
    Defect(
        "tampered-token-accepted",
        "the signature of a token is not verified",
        "authn.tampered-token-refused",
        "gateway/tokens.py",
    ),
    Defect(
        "expired-token-accepted",
        "the expiry of a token is not verified",
        "authn.expired-token-refused",
        "gateway/tokens.py",
    ),
    Defect(
        "alg-none-accepted",
        "an unsigned token with `alg: none` is accepted",
        "authn.alg-none-refused",
        "gateway/tokens.py",
    ),
    Defect(
        "refresh-reuse",
        "a refresh token can be used again and again",
        "authn.refresh-reuse-refused",
        "gateway/authentication.py",
    ),
    Defect(
        "logout-ineffective",
        "a token still works after logout",
        "authn.logout-ends-session",
        "gateway/authentication.py",
    ),
    Defect(
        "login-wrong-identity",
        "a login as short gives a session of alice",
        "authn.login-gives-identity",
        "gateway/authentication.py",
    ),
    Defect(
        "login-enumerates",
        "a login says whether the user exists",
        "authn.login-error-does-not-enumerate",
        "gateway/authentication.py",
    ),
    Defect(
        "refresh-broken",
        "a refresh answers with a token of a session that does not exist",
        "authn.refresh-works",
        "gateway/authentication.py",
    ),
    Defect(
        "token-in-url-accepted",
        "a token in the query is taken like one in the Authorization header",
        "authn.credentials-not-in-url",
        "gateway/authentication.py",
    ),
    # authorization
    Defect(
        "bola-read",
        "a user can read datasets of another tenant by id",
        "authz.objects-not-readable-by-others",
        "gateway/datasets.py",
    ),
    Defect(
        "bola-write",
        "a user can change datasets of another tenant",
        "authz.objects-not-writable-by-others",
        "gateway/datasets.py",
    ),
    Defect(
        "bola-delete",
        "a user can delete datasets of another tenant",
        "authz.objects-not-deletable-by-others",
        "gateway/datasets.py",
    ),
    Defect(
        "collection-leak",
        "the list of datasets shows those of every tenant",
        "authz.collections-do-not-leak",
        "gateway/datasets.py",
    ),
    Defect(
        "role-not-enforced",
        "every user may call what is for administrators",
        "authz.role-enforced",
        "gateway/application.py",
    ),
    Defect(
        "tenant-header-trusted",
        "a client-supplied X-Tenant-Id replaces the tenant of the token",
        "authz.tenant-header-not-trusted",
        "gateway/authentication.py",
    ),
    # exposure and headers
    Defect(
        "stack-trace",
        "error responses carry a Python traceback",
        "exposure.no-stack-trace",
        "dispatch.py",
        signature="LEAKPY",
    ),
    Defect(
        "leaks-secret",
        "GET /auth/whoami returns the password of the user",
        "exposure.no-secret",
        "gateway/authentication.py",
    ),
    Defect("missing-nosniff", "X-Content-Type-Options is missing", "headers.nosniff", "dispatch.py"),
    Defect(
        "private-cacheable",
        "private answers carry `Cache-Control: public`",
        "headers.private-not-cacheable",
        "dispatch.py",
    ),
    Defect(
        "cors-reflects-origin",
        "any Origin is reflected, with credentials allowed",
        "headers.cors-no-reflection",
        "dispatch.py",
    ),
    Defect(
        "cookie-not-httponly", "the refresh cookie lacks HttpOnly", "session.cookie-flags", "gateway/authentication.py"
    ),
    Defect("exposed-git", "/.git/HEAD and /.git/config are served", "exposure.no-dotfiles", "gateway/exposed.py"),
    Defect("exposed-env", "/.env is served", "exposure.no-dotfiles", "gateway/exposed.py"),
    Defect(
        "directory-listing",
        "/static/ lists the files of a folder",
        "exposure.no-directory-listing",
        "gateway/exposed.py",
    ),
    Defect(
        "version-banner", "the Server header tells product and version", "exposure.no-version-banner", "dispatch.py"
    ),
    Defect(
        "exposed-debug",
        "/debug/vars and the /debug console are served",
        "exposure.no-debug-pages",
        "gateway/exposed.py",
    ),
)
