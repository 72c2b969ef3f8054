// Parses files with binary-version-reader and tells how long that took: stdin is {sets: {name: [paths]}, rounds}, stdout
// {name: {plain, native}} in CPU seconds for one pass over the set, the best of all rounds. `native` has node's own CRC plugged in.
'use strict';

const fs = require('fs');
const zlib = require('zlib');
const reader = require('binary-version-reader');
const pure = reader.config().crc32;

function native(buffer) {
	const result = Buffer.alloc(4);
	result.writeUInt32BE(zlib.crc32(buffer));
	return result;
}

async function pass(parser, files) {
	const before = process.cpuUsage();
	for (const fileBuffer of files) {
		await parser.parseBuffer({ fileBuffer });
	}
	const used = process.cpuUsage(before);
	return (used.user + used.system) / 1e6;
}

async function main() {
	const { sets, rounds } = JSON.parse(fs.readFileSync(0));
	const parser = new reader.HalModuleParser();
	const results = {};
	for (const [name, paths] of Object.entries(sets)) {
		const files = paths.map((path) => fs.readFileSync(path));
		const best = { plain: Infinity, native: Infinity };
		for (let round = 0; round < rounds; ++round) {
			for (const [kind, crc32] of [['plain', pure], ['native', native]]) {
				if (kind === 'native' && !zlib.crc32) {
					continue;
				}
				reader.config({ crc32 });
				best[kind] = Math.min(best[kind], await pass(parser, files));
			}
		}
		results[name] = best;
	}
	process.stdout.write(JSON.stringify(results));
}

main();
