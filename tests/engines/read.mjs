// Prints the rows of Parquet files as hyparquet reads them, a line of JSON for each: values as text, so that none loses a digit.
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
// Microseconds as they are: a Date has milliseconds.
const parsers = { timestampFromMicroseconds: micros => micros, stringFromBytes: bytes => bytes && utf8.decode(bytes) }

function text(value) {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value === 'object') return Object.entries(value).map(([key, inner]) => [key, text(inner)])
  return Object.is(value, -0) ? '-0.0' : String(value)
}

for (const path of process.argv.slice(2)) {
  const file = await asyncBufferFromFile(path)
  for (const row of await parquetReadObjects({ file, compressors, parsers })) {
    const line = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, text(value)]))
    if (!process.stdout.write(JSON.stringify(line) + '\n')) await new Promise(drained => process.stdout.once('drain', drained))
  }
}
