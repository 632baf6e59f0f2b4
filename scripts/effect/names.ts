/**
 * What the names of Effect 3 that this repository uses are in Effect 4. `bun scripts/effect4.ts` fails where the installed Effect 4
 * has no such module or export. A name that stands in no table, and that Effect 4 does not have, has no successor of the same use.
 */

/** The version of each package that is measured: the newest of Effect 4 that the registry has. */
export const packages: Readonly<Record<string, string>> = {
  effect: "4.1.0",
  "@effect/opentelemetry": "4.1.0",
  "@effect/platform-node-shared": "4.1.0",
  "@effect/platform-bun": "4.0.0-rc.117",
  "@effect/sql-pg": "4.0.5",
  "@effect/sql-sqlite-bun": "4.0.0-beta.103"
}

const inHttp = (names: string): ReadonlyArray<readonly [string, string]> =>
  names.split(" ").map((name) => [`@effect/platform/${name}`, `effect/http/${name}`])

const inHttpApi = (names: string): ReadonlyArray<readonly [string, string]> =>
  names.split(" ").map((name) => [`@effect/platform/${name}`, `effect/http-api/${name}`])

/** Modules that are elsewhere. A module that is not listed is where it was, or gone. */
export const modules: ReadonlyMap<string, string> = new Map([
  ...inHttp("Cookies FetchHttpClient Headers HttpClient HttpClientError HttpClientRequest HttpClientResponse"),
  ...inHttp("HttpMiddleware HttpRouter HttpServer HttpServerError HttpServerRequest HttpServerResponse UrlParams"),
  ...inHttpApi("HttpApi HttpApiBuilder HttpApiEndpoint HttpApiError HttpApiGroup HttpApiMiddleware HttpApiSchema"),
  ...inHttpApi("HttpApiSecurity HttpApiSwagger OpenApi"),
  ["@effect/platform/HttpApp", "effect/http/HttpEffect"],
  ["@effect/platform/FileSystem", "effect/FileSystem"],
  ["@effect/platform/Path", "effect/Path"],
  ["@effect/platform/Terminal", "effect/Terminal"],
  ["@effect/sql/Migrator", "effect/sql/Migrator"],
  ["@effect/sql/SqlClient", "effect/sql/SqlClient"],
  ["@effect/sql/SqlError", "effect/sql/SqlError"],
  ["@effect/sql/Statement", "effect/sql/Statement"],
  ["@effect/cli/Args", "effect/cli/Argument"],
  ["@effect/cli/Command", "effect/cli/Command"],
  ["@effect/cli/Options", "effect/cli/Flag"],
  ["@effect/cli/Prompt", "effect/cli/Prompt"],
  ["@effect/cli/ValidationError", "effect/cli/CliError"],
  ["@effect/opentelemetry/Metrics", "@effect/opentelemetry/OtelMetrics"],
  ["@effect/opentelemetry/Tracer", "@effect/opentelemetry/OtelTracer"],
  ["effect/ConfigError", "effect/Config"],
  ["effect/Either", "effect/Result"],
  ["effect/Encoding", "effect/encoding/Base64"],
  ["effect/FiberRef", "effect/Context"],
  ["effect/MetricBoundaries", "effect/Metric"],
  ["effect/ParseResult", "effect/SchemaParser"],
  ["effect/TestClock", "effect/testing/TestClock"]
])

/** Exports by module of Effect 3. A name with a module before it is an export of that module. */
export const members: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "@effect/cli/Args": { text: "String", repeated: "variadic" },
  "@effect/cli/Options": { boolean: "Boolean", choice: "Literals", integer: "Int", text: "String" },
  "@effect/cli/Prompt": { confirm: "Confirm" },
  "@effect/cli/ValidationError": { isValidationError: "isCliError" },
  "@effect/platform/HttpApiBuilder": { api: "layer" },
  "@effect/platform/HttpApiEndpoint": { del: "effect/http-api/HttpApiEndpoint.delete" },
  "@effect/platform/HttpApiMiddleware": { Tag: "Service" },
  "@effect/platform/HttpServer": { layerContext: "layerServices" },
  "@effect/platform/HttpServerError": { isServerError: "isHttpServerError" },
  "@effect/platform/HttpServerResponse": { unsafeJson: "jsonUnsafe" },
  "effect/Array": { isNonEmptyReadonlyArray: "isReadonlyArrayNonEmpty", unsafeGet: "getUnsafe" },
  "effect/Cause": {
    failureOption: "findErrorOption",
    failureOrCause: "findError",
    isDie: "hasDies",
    isInterrupted: "hasInterrupts",
    isInterruptedOnly: "hasInterruptsOnly"
  },
  "effect/Chunk": { unsafeFromArray: "fromArrayUnsafe" },
  "effect/Config": { boolean: "Boolean", duration: "Duration", integer: "Int", redacted: "Redacted", string: "String" },
  "effect/Context": { GenericTag: "Service", Tag: "Service", TagClass: "ServiceClass" },
  "effect/DateTime": {
    greaterThan: "isGreaterThan",
    unsafeMake: "makeUnsafe",
    unsafeMakeZoned: "makeZonedUnsafe",
    zoneUnsafeMakeNamed: "zoneMakeNamedUnsafe"
  },
  "effect/Deferred": { unsafeDone: "doneUnsafe", unsafeMake: "makeUnsafe" },
  "effect/Duration": {
    decode: "fromInputUnsafe",
    decodeUnknown: "fromInput",
    DurationInput: "Input",
    greaterThan: "isGreaterThan",
    greaterThanOrEqualTo: "isGreaterThanOrEqualTo",
    lessThanOrEqualTo: "isLessThanOrEqualTo"
  },
  "effect/Effect": {
    async: "callback",
    catchAll: "catch",
    catchAllCause: "catchCause",
    catchAllDefect: "catchDefect",
    either: "result",
    EffectGenerator: "EffectIterator",
    fork: "forkChild",
    forkDaemon: "forkDetach",
    Latch: "effect/Latch.Latch",
    locally: "provideService",
    makeLatch: "effect/Latch.make",
    makeSemaphore: "effect/Semaphore.make",
    orElse: "catch",
    runtime: "context",
    Semaphore: "effect/Semaphore.Semaphore",
    timeoutFail: "timeoutOrElse",
    unsafeMakeLatch: "effect/Latch.makeUnsafe",
    unsafeMakeSemaphore: "effect/Semaphore.makeUnsafe",
    whenEffect: "when",
    withFiberRuntime: "withFiber",
    zipRight: "andThen"
  },
  "effect/Either": {
    Either: "Result",
    isEither: "isResult",
    isLeft: "isFailure",
    isRight: "isSuccess",
    left: "fail",
    mapLeft: "mapError",
    right: "succeed",
    fromNullable: "fromNullishOr"
  },
  "effect/Encoding": { decodeBase64: "decode", encodeBase64: "encode" },
  "effect/Exit": { isInterrupted: "hasInterrupts" },
  "effect/Fiber": { getCurrentFiber: "getCurrent", RuntimeFiber: "Fiber" },
  "effect/FiberRef": {
    currentLogAnnotations: "effect/References.CurrentLogAnnotations",
    currentLogSpan: "effect/References.CurrentLogSpans",
    currentMinimumLogLevel: "effect/References.MinimumLogLevel",
    FiberRef: "Reference",
    unsafeMake: "Reference"
  },
  "effect/Layer": {
    scoped: "effect",
    scopedContext: "effectContext",
    scopedDiscard: "effectDiscard",
    unwrapEffect: "unwrap"
  },
  "effect/LogLevel": { lessThanEqual: "isLessThanOrEqualTo" },
  "effect/Logger": {
    json: "consoleJson",
    logFmt: "consoleLogFmt",
    logfmtLogger: "formatLogFmt",
    pretty: "consolePretty"
  },
  "effect/MetricBoundaries": { fromIterable: "boundariesFromIterable" },
  "effect/Option": { flatMapNullable: "flatMapNullishOr", fromNullable: "fromNullishOr", getRight: "getSuccess" },
  "effect/Order": { number: "Number", reverse: "flip" },
  "effect/ParseResult": { decodeUnknownEither: "decodeUnknownResult", ParseError: "effect/Schema.SchemaError" },
  "effect/Predicate": { isRecord: "isObject" },
  "effect/Random": { nextRange: "nextBetween" },
  "effect/RequestResolver": { makeBatched: "make" },
  "effect/Schedule": { intersect: "max", modifyDelayEffect: "modifyDelay", union: "min" },
  "effect/Schema": {
    annotations: "annotate",
    between: "isBetween",
    DateFromSelf: "Date",
    DateTimeUtcFromNumber: "DateTimeUtcFromMillis",
    DateTimeZonedFromSelf: "DateTimeZoned",
    decodeUnknown: "decodeUnknownEffect",
    decodeUnknownEither: "decodeUnknownResult",
    Either: "Result",
    encodedSchema: "toEncoded",
    encodeEither: "encodeResult",
    filter: "check",
    int: "isInt",
    Map: "ReadonlyMap",
    maxItems: "isMaxLength",
    maxLength: "isMaxLength",
    minItems: "isMinLength",
    minLength: "isMinLength",
    NonNegativeInt: "Natural",
    parseJson: "fromJsonString",
    pattern: "isPattern",
    Set: "ReadonlySet",
    Uint8ArrayFromSelf: "Uint8Array"
  },
  "effect/SchemaAST": {
    encodedAST: "toEncoded",
    isSymbolKeyword: "isSymbol",
    neverKeyword: "never",
    Refinement: "Filter",
    TupleType: "Arrays",
    typeAST: "toType",
    TypeLiteral: "Objects",
    undefinedKeyword: "undefined",
    unknownKeyword: "unknown"
  },
  "effect/Scope": { CloseableScope: "Closeable", extend: "provide" },
  "effect/Stream": { fromChunk: "fromArray", provideLayer: "provide", unwrapScoped: "unwrap" }
}

/** Fields and methods of values, where Effect declares them. */
export const fields: Readonly<Record<string, string>> = {
  currentContext: "context",
  getFiberRef: "getRef",
  left: "failure",
  right: "success",
  unsafeClose: "closeUnsafe",
  unsafeCurrentTimeMillis: "currentTimeMillisUnsafe",
  unsafeCurrentTimeNanos: "currentTimeNanosUnsafe",
  unsafeInterruptAsFork: "interruptUnsafe",
  unsafeOpen: "openUnsafe",
  unsafePoll: "pollUnsafe"
}

/** Constructors of schemas that take a list in place of several arguments. */
export const listed: ReadonlySet<string> = new Set(["Literal", "Tuple", "Union"])
