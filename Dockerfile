# The operator's image; docs/image.md tells of it. The base images are arguments, so that a registry of one's own and
# digests can be used. Both must have the same Python at the same path; the last one needs neither pip nor venv.
ARG BUILD_IMAGE=python:3.13-slim-bookworm
ARG RUN_IMAGE=python:3.13-slim-bookworm

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
# Every wheel is checked against the hashes of uv.lock, and nothing is built from source: no compiler. An index of one's
# own comes as a secret, so that its password is in no layer. The dependencies are a layer apart: they change less.
COPY image/requirements.txt image/build-requirements.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement build-requirements.txt \
 && python3 -m venv --without-pip /opt/trail-operator \
 && /build/bin/pip --python /opt/trail-operator/bin/python install --no-cache-dir --no-compile \
      --require-hashes --only-binary :all: --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
# Compiled here, since the Pod's root file system is read-only and each start would compile everything anew; unchecked,
# since nobody changes a source there, and a file's time, which tools that build alike images set, then plays no part.
RUN /build/bin/pip wheel --no-cache-dir --no-index --no-build-isolation --no-deps --wheel-dir dist . \
 && /build/bin/pip --python /opt/trail-operator/bin/python install --no-index --no-compile --no-deps dist/*.whl \
 && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/trail-operator/lib

FROM ${RUN_IMAGE}
LABEL org.opencontainers.image.title="trail-operator" \
      org.opencontainers.image.description="Keeps AWS CloudTrail trails as their Trail resources say, and says truthfully whether they record." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/trail-operator /opt/trail-operator
# Calls to AWS are made in threads, and with an arena of glibc's for each the process would take some 20 MB more.
# The user is in no passwd file, and a cluster may choose another; libraries ask for name and home, and fail without.
ENV PATH=/opt/trail-operator/bin:$PATH \
    HOME=/ \
    USER=trail-operator \
    MALLOC_ARENA_MAX=2 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /
# A number, so that the kubelet can tell that it is not root; the chart's values say the same.
USER 65532:65532
ENTRYPOINT ["trail-operator"]
CMD ["run"]
