# The image of the chart. Base images by argument, so that a registry of one's own and digests can be used.
ARG BUILD_IMAGE=python:3.13-slim
ARG RUN_IMAGE=python:3.13-slim

FROM ${BUILD_IMAGE} AS build
ARG UV_VERSION=0.13.9
RUN pip install --no-cache-dir uv==${UV_VERSION}
WORKDIR /src
# The dependencies, from the lock file and checked against its hashes; a layer of their own, since they change less.
# Compiled here: the chart's root file system is read-only, so that each start would compile everything anew.
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY sandbox/pyproject.toml sandbox/
RUN uv export --frozen --no-dev --no-emit-project --format requirements-txt > requirements.txt \
 && uv venv /opt/trail-operator \
 && uv pip install --python /opt/trail-operator/bin/python --require-hashes --no-cache --compile-bytecode --requirements requirements.txt
COPY operator operator
RUN uv pip install --python /opt/trail-operator/bin/python --no-cache --compile-bytecode --no-deps .

FROM ${RUN_IMAGE}
COPY --from=build /opt/trail-operator /opt/trail-operator
ENV PATH=/opt/trail-operator/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["trail-operator"]
CMD ["run"]
