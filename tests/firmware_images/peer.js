// Runs jobs with the npm package binary-version-reader: each line of stdin is a list of jobs as JSON, each line of stdout their results.
// A job is {op, ...}; files come and go as base64. A job that throws, or takes a minute, gives {error}.
'use strict';

const readline = require('readline');

const reader = require('binary-version-reader');

const parser = new reader.HalModuleParser();
const encode = (buffer) => buffer.toString('base64');
const decode = (text) => Buffer.from(text, 'base64');

function plain(info) {
	const { fileBuffer, ...rest } = info;
	return JSON.parse(JSON.stringify(rest, (key, value) => (key === 'data' ? undefined : value)));
}

const jobs = {
	parse: async ({ data }) => plain(await parser.parseBuffer({ fileBuffer: decode(data) })),
	// New values in prefix and suffix, then the checksums. `whole` hands the parsed suffix over, extensions included, as its callers should.
	edit: async ({ data, prefix, suffix, whole }) => {
		const buffer = decode(data);
		const info = await parser.parseBuffer({ fileBuffer: buffer });
		reader.updateModulePrefix(buffer, { prefixOffset: info.prefixInfo.prefixOffset, ...prefix });
		const old = whole ? info.suffixInfo : { suffixSize: info.suffixInfo.suffixSize };
		delete old.crcBlock;
		reader.updateModuleSuffix(buffer, { ...old, ...suffix });
		reader.updateModuleSha256(buffer);
		reader.updateModuleCrc32(buffer);
		return encode(buffer);
	},
	assets: async ({ data, assets }) => encode(await reader.updateModuleAssetDependencies(
		decode(data), assets.map(({ name, content }) => ({ name, data: decode(content) })))),
	remove: async ({ data, types }) => encode(await reader.removeModuleExtensions({ module: decode(data), exts: types })),
	protect: async ({ data, certificate }) => encode(await reader.createProtectedModule(
		decode(data), certificate ? decode(certificate) : undefined)),
	compress: async ({ data }) => encode(await reader.compressModule(decode(data))),
	decompress: async ({ data }) => encode(await reader.decompressModule(decode(data))),
	combine: async ({ parts }) => encode(await reader.combineModules(parts.map(decode))),
	split: async ({ data }) => (await reader.splitCombinedModules(decode(data))).map(encode),
	asset: async ({ name, content, compress }) => encode(await reader.createAssetModule(decode(content), name, { compress })),
	env: async ({ vars }) => encode(await reader.encodeEnvVarsAsset(vars)),
	envModule: async ({ vars }) => encode(await reader.createEnvVarsAssetModule(vars)),
	unwrap: async ({ data }) => encode(await reader.unwrapAssetModule(decode(data))),
	bundle: async ({ data, assets, vars }) => encode(await reader.createApplicationAndAssetBundle(
		{ name: 'application.bin', data: decode(data) }, assets.map(({ name, content }) => ({ name, data: decode(content) })), vars)),
	unpack: async ({ data }) => {
		const found = await reader.unpackApplicationAndAssetBundle(decode(data));
		return { application: encode(found.application.data), assets: found.assets.map(({ name, data: content }) => [name, encode(content)]) };
	}
};

function withinAMinute(promise) {
	let timer;
	const late = new Promise((resolve, reject) => {
		timer = setTimeout(() => reject(new Error('no result within a minute')), 60000);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function main() {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const results = [];
		for (const job of JSON.parse(line)) {
			try {
				results.push({ result: await withinAMinute(jobs[job.op](job)) });
			} catch (error) {
				results.push({ error: String(error) });
			}
		}
		process.stdout.write(JSON.stringify(results) + '\n');
	}
}

main();
