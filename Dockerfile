ARG BUN_VERSION=1.4.5

FROM oven/bun:${BUN_VERSION} AS build
WORKDIR /app
COPY package.json bun.lock ./
RUN bun install --frozen-lockfile
COPY src ./src
# one file with everything that the server needs: the image below has no node_modules
RUN bun build src/main.ts --target=bun --minify-syntax --minify-whitespace --sourcemap=linked --outdir=dist

FROM oven/bun:${BUN_VERSION}-slim
WORKDIR /app
COPY --from=build /app/dist ./
# a named volume that is mounted here takes over this owner
RUN mkdir /data && chown bun:bun /data
USER bun
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATABASE_URL=sqlite:/data/toolkit.db
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["bun", "-e", "const { ok } = await fetch(`http://127.0.0.1:${process.env.PORT}/api/health`); process.exit(ok ? 0 : 1)"]
# without a shell in between, so that SIGTERM reaches the server and it answers what is in flight
CMD ["bun", "main.js"]
