# syntax=docker/dockerfile:1
# pysupervise as the entry point of a container.
#
#     docker build -t pysupervise .
#     docker run --rm pysupervise my-service --flag
#
# The base needs python3 (3.11 or later) with the venv module, at the same path in both stages. For other people's images:
#
#     COPY --from=pysupervise /usr/local/lib/pysupervise.pyz /usr/local/bin/pysupervise
#
# gives any image that has a python3 the whole program as one file.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
WORKDIR /source
ARG UNUSED="/(test|tests|idlelib|lib2to3|tkinter|turtledemo|ensurepip|[a-z]+-packages|pydoc_data|unittest|distutils|venv|_pyrepl)/"
COPY . .
# One environment for building, with pip; another for the result, without. What is installed is compiled here, and its compiled
# files are taken without a look at the source: nothing is written at run time, on a read-only root or as any user.
# The public Python images come without compiled files for the standard library, and a Python that may not write them compiles the same modules
# at each start. So the part that a supervisor can need is compiled here too. Only what the base lacks goes into the result.
RUN set -eu; \
    touch /before; \
    python3 -m venv /tools; \
    /tools/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .; \
    python3 -m venv --without-pip /opt/pysupervise; \
    /tools/bin/pip --python /opt/pysupervise/bin/python3 install --no-cache-dir --no-compile /wheels/*.whl; \
    /opt/pysupervise/bin/python3 -m compileall -q --invalidation-mode unchecked-hash /opt/pysupervise/lib; \
    rm /opt/pysupervise/bin/[Aa]ctivate*; \
    library="$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"; \
    python3 -m compileall -q -x "$UNUSED" "$library"; \
    mkdir -p /result/opt /result/usr/local/bin /result/usr/local/lib; \
    /tools/bin/python3 supervisor/build_zipapp.py /result/usr/local/lib/pysupervise.pyz; \
    find "$library" -name '*.pyc' -newer /before -not -path '*-packages/*' -print0 | tar -c --null -T - -P | tar -C /result -x; \
    mv /opt/pysupervise /result/opt/pysupervise; \
    ln -s /opt/pysupervise/bin/pysupervise /result/usr/local/bin/pysupervise

FROM ${BASE}
COPY --from=build /result/ /
ENTRYPOINT ["pysupervise", "--"]
