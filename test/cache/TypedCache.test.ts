import { contract as callers } from "../suites/TypedCacheCallersSuite.js"
import { contract as codec } from "../suites/TypedCacheCodecSuite.js"
import { contract as loading } from "../suites/TypedCacheLoadingSuite.js"
import { contract as names } from "../suites/TypedCacheNamesSuite.js"
import { contract as nesting } from "../suites/TypedCacheNestingSuite.js"
import { contract as tags } from "../suites/TypedCacheTagsSuite.js"
import { contract as writing } from "../suites/TypedCacheWritingSuite.js"
import { onEveryLayer } from "../support/layers.js"

onEveryLayer((it) => {
  callers(it)
  codec(it)
  loading(it)
  names(it)
  nesting(it)
  tags(it)
  writing(it)
})
