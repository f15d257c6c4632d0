import { AddressTranslationCache } from './ats/address-translation-cache';
import { AtsDevice } from './ats/ats-device';
import { AtsPort } from './ats/ats-port';
import { TranslationRequests } from './ats/translation-requests';
import { EntryArena } from './cache/entry-arena';
import { RegionIndex } from './cache/region-index';
import { Replacement } from './cache/replacement';
import { Tlb } from './cache/tlb';
import { TlbAddress } from './cache/tlb-address';
import { LiveList, TlbSpace } from './cache/tlb-space';
import { Regime, TranslationCache } from './cache/translation-cache';
import { CommandQueue } from './commands/command-queue';
import { CompletionSignals } from './commands/completion-signals';
import { CachedCds } from './configuration/cached-cds';
import { ConfigurationCache } from './configuration/configuration-cache';
import { ContextTable } from './configuration/context-table';
import { ContiguousSpans } from './configuration/contiguous-spans';
import { StreamFinder } from './configuration/stream-finder';
import { StreamTable } from './configuration/stream-table';
import { StructureReader } from './configuration/structure-reader';
import { EventQueue } from './events/event-queue';
import { ChunkIndex } from './memory/chunk-index';
import { PhysicalMemory } from './memory/physical-memory';
import { Regions } from './memory/regions';
import { Dependencies, Trail } from './provenance/dependencies';
import { Provenance } from './provenance/provenance';
import { GlobalErrors } from './registers/global-errors';
import { RegisterFile } from './registers/register-file';
import { Smmu } from './smmu';
import { FaultedTransactions } from './stalls/faulted-transactions';
import { StalledTransactions } from './stalls/stalled-transactions';
import { Descriptor } from './translation/descriptor';
import { InputAddress } from './translation/input-address';
import { Stage1Walker } from './translation/stage1';
import { Stage2Walker } from './translation/stage2';
import { TableCache } from './translation/table-cache';
import { Translator } from './translation/translator';

/**
 * The classes that an SMMU and its memory consist of. Whoever keeps an SMMU's state as data writes down the fields of
 * their objects, so no field may hold a function.
 */
export const SMMU_STATE_CLASSES = [
  ...[AddressTranslationCache, AtsDevice, AtsPort, TranslationRequests],
  ...[EntryArena, LiveList, Regime, RegionIndex, Replacement],
  ...[Tlb, TlbAddress, TlbSpace, TranslationCache, Dependencies, Provenance, Trail],
  ...[CommandQueue, CompletionSignals, EventQueue, FaultedTransactions, StalledTransactions],
  ...[CachedCds, ConfigurationCache, ContextTable, ContiguousSpans],
  ...[StreamFinder, StreamTable, StructureReader],
  ...[ChunkIndex, PhysicalMemory, Regions],
  ...[GlobalErrors, RegisterFile, Smmu],
  ...[Descriptor, InputAddress, Stage1Walker, Stage2Walker, TableCache, Translator],
] as const;
