// Reads Parquet files of the archive with DuckDB and prints, as one line of JSON,
// what a manifest says of its rows:
//
//   node digests.mjs FILE...
//
// {"rows", "digest", "first", "last", "files": [{"file", "rows", "digest"}]}
//
// A digest is the SHA-256 of the rows' record_sha256, 32 bytes each, in the order
// of the trail: (created_at, id). Nothing of ours has a part in the reading.
import { createHash } from 'node:crypto'
import { DuckDBInstance } from '@duckdb/node-api'

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('usage: node digests.mjs FILE...')
  process.exit(2)
}

const instance = await DuckDBInstance.create(':memory:')
const connection = await instance.connect()

const literal = (text) => `'${text.replaceAll("'", "''")}'`

// chain digests the rows of some files.
async function chain(names) {
  const hash = createHash('sha256')
  let rows = 0
  const result = await connection.stream(`
    SELECT record_sha256 FROM read_parquet([${names.map(literal).join(', ')}]) ORDER BY created_at, id`)
  for (;;) {
    const chunk = await result.fetchChunk()
    if (!chunk || chunk.rowCount === 0) break
    for (const digest of chunk.getColumnValues(0)) {
      if (digest?.bytes?.length !== 32) throw new Error('record_sha256 of a row is not 32 bytes')
      hash.update(digest.bytes)
    }
    rows += chunk.rowCount
  }
  return { rows, digest: hash.digest('hex') }
}

// ends are the first and last key of all rows, times in microseconds since 1970.
async function ends(names) {
  const key = async (order) => {
    const found = await connection.runAndReadAll(`
      SELECT epoch_us(created_at)::VARCHAR, id::VARCHAR
      FROM read_parquet([${names.map(literal).join(', ')}]) ORDER BY created_at ${order}, id ${order} LIMIT 1`)
    const [[us, id]] = found.getRows()
    return { us, id }
  }
  return { first: await key('ASC'), last: await key('DESC') }
}

const perFile = []
for (const file of files) perFile.push({ file, ...(await chain([file])) })
console.log(JSON.stringify({ ...(await chain(files)), ...(await ends(files)), files: perFile }))
